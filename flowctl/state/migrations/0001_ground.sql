-- The ground: what is wanted, the fleet, the traffic, and who leads.
-- ${text}, ${blob}, ${real}, ${flag}, ${serial} and ${sequence} are the words of the database for these types.
-- A ${sequence} never gives a number again, a ${serial} may after a deletion.
-- Moments are microseconds since 1970 (UTC). Objects are keyed by their names, within a network.

CREATE TABLE counter (
    name ${text} PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('revision', 0);

CREATE TABLE network (
    name ${text} PRIMARY KEY,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    strategy ${text} NOT NULL,
    recipe ${text} NOT NULL
);

CREATE TABLE agent_spec (
    network ${text} NOT NULL REFERENCES network (name) ON DELETE CASCADE ON UPDATE CASCADE,
    name ${text} NOT NULL,
    spec ${text} NOT NULL,
    PRIMARY KEY (network, name)
);
CREATE INDEX agent_spec_name ON agent_spec (name);

CREATE TABLE processor (
    network ${text} NOT NULL REFERENCES network (name) ON DELETE CASCADE ON UPDATE CASCADE,
    name ${text} NOT NULL,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    spec ${text} NOT NULL,
    generation BIGINT NOT NULL,
    restarts BIGINT NOT NULL,
    requested_status ${text} NOT NULL,
    status ${text} NOT NULL,
    error ${text} NOT NULL,
    deployed_cpus BIGINT NOT NULL,
    running_cpus BIGINT NOT NULL,
    PRIMARY KEY (network, name)
);
CREATE INDEX processor_name ON processor (name);

CREATE TABLE task (
    network ${text} NOT NULL,
    processor ${text} NOT NULL,
    name ${text} NOT NULL,
    module ${text} NOT NULL,
    arguments ${text} NOT NULL,
    source ${text} NOT NULL,
    code ${text} NOT NULL,
    PRIMARY KEY (network, processor, name),
    FOREIGN KEY (network, processor) REFERENCES processor (network, name)
        ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE socket (
    network ${text} NOT NULL,
    name ${text} NOT NULL,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    processor ${text} NOT NULL,
    task ${text} NOT NULL,
    spec ${text} NOT NULL,
    queue ${text} NOT NULL,
    PRIMARY KEY (network, name),
    FOREIGN KEY (network, processor) REFERENCES processor (network, name)
        ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX socket_processor ON socket (network, processor);

CREATE TABLE plug (
    network ${text} NOT NULL,
    name ${text} NOT NULL,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    source ${text} NOT NULL,
    target ${text} NOT NULL,
    spec ${text} NOT NULL,
    queue ${text} NOT NULL,
    PRIMARY KEY (network, name),
    FOREIGN KEY (network, source) REFERENCES socket (network, name)
        ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (network, target) REFERENCES socket (network, name)
        ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX plug_source ON plug (network, source);
CREATE INDEX plug_target ON plug (network, target);

CREATE TABLE node (
    name ${text} PRIMARY KEY,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    hostname ${text} NOT NULL,
    boot_id ${text} NOT NULL,
    resources ${text} NOT NULL
);

CREATE TABLE agent (
    name ${text} PRIMARY KEY,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    node ${text} NOT NULL REFERENCES node (name) ON DELETE CASCADE ON UPDATE CASCADE,
    cpus BIGINT NOT NULL,
    labels ${text} NOT NULL,
    resources ${text} NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    sentence ${text} NOT NULL,
    port BIGINT NOT NULL,
    pid BIGINT NOT NULL,
    version ${text} NOT NULL,
    requested_status ${text} NOT NULL,
    status ${text} NOT NULL
);
CREATE INDEX agent_node ON agent (node);

-- `agent` is no foreign key: a person may pin a deployment to a host that has not come up yet.
CREATE TABLE deployment (
    network ${text} NOT NULL,
    name ${text} NOT NULL,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    processor ${text} NOT NULL,
    agent ${text} NOT NULL,
    cpus BIGINT NOT NULL,
    requested_status ${text} NOT NULL,
    status ${text} NOT NULL,
    reason ${text} NOT NULL,
    pinned ${flag} NOT NULL,
    PRIMARY KEY (network, name),
    FOREIGN KEY (network, processor) REFERENCES processor (network, name)
        ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX deployment_processor ON deployment (network, processor);
CREATE INDEX deployment_agent ON deployment (agent);

CREATE TABLE worker (
    name ${text} PRIMARY KEY,
    id ${text} NOT NULL UNIQUE,
    receipt ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    network ${text} NOT NULL,
    deployment ${text} NOT NULL,
    agent ${text} NOT NULL,
    processor ${text} NOT NULL,
    pid BIGINT NOT NULL,
    executors BIGINT NOT NULL,
    busy BIGINT NOT NULL,
    restarts BIGINT NOT NULL,
    cpu_percent ${real} NOT NULL,
    memory BIGINT NOT NULL,
    "commit" ${text} NOT NULL,
    reason ${text} NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    status ${text} NOT NULL,
    UNIQUE (network, deployment),
    FOREIGN KEY (network, deployment) REFERENCES deployment (network, name)
        ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX worker_agent ON worker (agent);

-- `at` is when the call was first heard of; listings show the newest first.
CREATE TABLE call (
    seq ${serial},
    id ${text} NOT NULL UNIQUE,
    run_id ${text} NOT NULL,
    parent ${text} NOT NULL,
    network ${text} NOT NULL,
    processor ${text} NOT NULL,
    socket ${text} NOT NULL,
    plug ${text} NOT NULL,
    argument ${text} NOT NULL,
    status ${text} NOT NULL,
    attempt BIGINT NOT NULL,
    worker ${text} NOT NULL,
    agent ${text} NOT NULL,
    at BIGINT NOT NULL,
    sent_at BIGINT,
    received_at BIGINT,
    started_at BIGINT,
    finished_at BIGINT,
    duration ${real},
    outputs BIGINT NOT NULL,
    failure ${text},
    error ${text} NOT NULL,
    output ${text} NOT NULL,
    size BIGINT NOT NULL
);
CREATE INDEX call_at ON call (at);
CREATE INDEX call_run ON call (run_id);
CREATE INDEX call_parent ON call (parent) WHERE parent <> '';
CREATE INDEX call_processor ON call (processor, at);
-- Most calls are finished: leaving them out keeps this index small and the hot path short.
CREATE INDEX call_status ON call (status, at) WHERE status <> 'finished';

-- No reference to the call: it is written thousands of times a second, with its call, and
-- deleted with its call in one place.
CREATE TABLE result (
    call_id ${text} PRIMARY KEY,
    content_type ${text} NOT NULL,
    body ${blob} NOT NULL
);

-- `owner` is the call (or the schedule) that sends the message.
CREATE TABLE outbox (
    message_id ${text} NOT NULL,
    attempt BIGINT NOT NULL,
    owner ${text} NOT NULL,
    queue ${text} NOT NULL,
    created_at BIGINT NOT NULL,
    outgoing ${text} NOT NULL,
    PRIMARY KEY (message_id, attempt, queue)
);
CREATE INDEX outbox_owner ON outbox (owner);
CREATE INDEX outbox_created ON outbox (created_at);

CREATE TABLE claim (
    call_id ${text} PRIMARY KEY,
    queue ${text} NOT NULL,
    message ${text} NOT NULL,
    worker ${text} NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX claim_expires ON claim (expires_at);
CREATE INDEX claim_worker ON claim (worker);

-- Running calls that a person wants to end.
CREATE TABLE cancel (
    call_id ${text} PRIMARY KEY,
    at BIGINT NOT NULL
);

-- Values that wait for their join, oldest first by `seq`.
CREATE TABLE slot (
    seq ${serial},
    socket ${text} NOT NULL,
    key ${text} NOT NULL,
    argument ${text} NOT NULL,
    call_id ${text} NOT NULL UNIQUE,
    message ${text} NOT NULL,
    content_type ${text} NOT NULL
);
CREATE INDEX slot_join ON slot (socket, key, argument, seq);

-- How many values of a scatter have come back; counting the slots each time would be quadratic.
CREATE TABLE gathering (
    socket ${text} NOT NULL,
    key ${text} NOT NULL,
    arrived BIGINT NOT NULL,
    PRIMARY KEY (socket, key)
);

-- The values that a call was fired with, kept until its outcome is on record.
CREATE TABLE firing (
    call_id ${text} NOT NULL,
    position BIGINT NOT NULL,
    socket ${text} NOT NULL,
    key ${text} NOT NULL,
    argument ${text} NOT NULL,
    message ${text} NOT NULL,
    content_type ${text} NOT NULL,
    PRIMARY KEY (call_id, position)
);

CREATE TABLE event (
    id ${sequence},
    at BIGINT NOT NULL,
    kind ${text} NOT NULL,
    object ${text} NOT NULL,
    action ${text} NOT NULL,
    note ${text} NOT NULL,
    network ${text} NOT NULL,
    run_id ${text} NOT NULL${settled}
);
CREATE INDEX event_object ON event (object);
CREATE INDEX event_kind ON event (kind, id) WHERE kind <> 'call';
CREATE INDEX event_at ON event (at);

CREATE TABLE lease (
    name ${text} PRIMARY KEY,
    holder ${text} NOT NULL,
    term BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE fire (
    socket ${text} NOT NULL,
    due_at BIGINT NOT NULL,
    call_id ${text} NOT NULL,
    PRIMARY KEY (socket, due_at)
);

CREATE TABLE sample (
    at BIGINT NOT NULL,
    kind ${text} NOT NULL,
    object ${text} NOT NULL,
    metric ${text} NOT NULL,
    value ${real} NOT NULL
);
CREATE INDEX sample_object ON sample (kind, object, metric, at);
CREATE INDEX sample_at ON sample (at);
