-- Questions that only the hosts can answer, such as what their logs say, and the answers on their way.

CREATE TABLE ask (
    id ${text} PRIMARY KEY,
    body ${text} NOT NULL,
    asker ${text} NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ask_expires ON ask (expires_at);

CREATE TABLE told (
    id ${sequence},
    ask_id ${text} NOT NULL REFERENCES ask (id) ON DELETE CASCADE,
    body ${text} NOT NULL
);
CREATE INDEX told_ask ON told (ask_id, id);
