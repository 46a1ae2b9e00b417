-- What calls were given, so that they can be run again, and which call is a repeat of which.
-- `input` is text as it came, or base64 where `input_type` begins so; an empty type: it is not kept.

ALTER TABLE call ADD COLUMN replays ${text} NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN input ${text} NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN input_type ${text} NOT NULL DEFAULT '';
CREATE INDEX call_replays ON call (replays) WHERE replays <> '';

-- Every group commit tells the life of its calls in one event, of kind `batch`: listings leave those out.
CREATE INDEX event_listed ON event (id) WHERE kind <> 'batch';
