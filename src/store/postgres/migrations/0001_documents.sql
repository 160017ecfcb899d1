-- One table of keys and documents. The primary key starts with the sandbox, so that an engine may spread sandboxes over
-- machines; there is no sequence and no foreign key.
CREATE TABLE rehearsal_document (
    sandbox bytea NOT NULL,
    -- The rest of the key, behind the sandbox.
    key bytea NOT NULL,
    -- Counted up by each commit that writes it.
    version bigint NOT NULL,
    body bytea NOT NULL,
    -- Who works on it, and until when nobody else may; both null if nobody does.
    claimed_by bytea,
    claimed_until timestamptz,
    PRIMARY KEY (sandbox, key)
);

-- What is worked on, which is little: found when a server starts over.
CREATE INDEX rehearsal_claimed ON rehearsal_document (sandbox, key) WHERE claimed_by IS NOT NULL;
