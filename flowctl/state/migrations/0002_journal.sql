-- What people changed, with what takes it back, and the queues that hold what they purged.

CREATE TABLE journal (
    id ${sequence},
    at BIGINT NOT NULL,
    who ${text} NOT NULL,
    face ${text} NOT NULL,
    command ${text} NOT NULL,
    batch ${text} NOT NULL,
    action ${text} NOT NULL,
    network ${text} NOT NULL,
    objects ${text} NOT NULL,
    result ${text} NOT NULL,
    differences ${text} NOT NULL,
    shift ${text} NOT NULL,
    undoes BIGINT NOT NULL,
    undone_by BIGINT NOT NULL
);
CREATE INDEX journal_at ON journal (at);
CREATE INDEX journal_batch ON journal (batch);

CREATE TABLE trash (
    queue ${text} PRIMARY KEY,
    origin ${text} NOT NULL,
    at BIGINT NOT NULL,
    who ${text} NOT NULL,
    entry BIGINT NOT NULL
);
CREATE INDEX trash_at ON trash (at);
