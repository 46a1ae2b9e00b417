-- Canvases that are under way: their trees, and how far each is. All of it goes when they end well.

-- `failed` tells whether a branch has failed for good, so that nobody has to look for it.
CREATE TABLE canvas (
    id ${text} PRIMARY KEY,
    failed ${flag} NOT NULL,
    canvas ${text} NOT NULL
);

-- Patterns that have begun; `total` places of the list of one are to be filled.
CREATE TABLE canvas_node (
    canvas ${text} NOT NULL,
    path ${text} NOT NULL,
    total BIGINT NOT NULL,
    arrived BIGINT NOT NULL,
    PRIMARY KEY (canvas, path)
);

-- The places that are filled; `id` is canvas, path and position.
CREATE TABLE canvas_slot (
    id ${text} PRIMARY KEY,
    canvas ${text} NOT NULL,
    path ${text} NOT NULL,
    position BIGINT NOT NULL,
    body ${blob} NOT NULL
);
CREATE INDEX canvas_slot_place ON canvas_slot (canvas, path, position);

-- Branches that failed for good; one that is sent again leaves.
CREATE TABLE canvas_failure (
    canvas ${text} NOT NULL,
    path ${text} NOT NULL,
    call_id ${text} NOT NULL,
    failure ${text} NOT NULL,
    PRIMARY KEY (canvas, path)
);
CREATE INDEX canvas_failure_call ON canvas_failure (call_id);
