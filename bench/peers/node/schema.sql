-- The product's tables, simplified: people, chats of two, messages; and the pairs that talk.
CREATE TABLE person (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE chat (
    id text PRIMARY KEY,
    therapist_id text NOT NULL REFERENCES person,
    patient_id text NOT NULL REFERENCES person,
    status text NOT NULL DEFAULT 'active',
    therapist_can_send boolean NOT NULL DEFAULT true,
    patient_can_send boolean NOT NULL DEFAULT true,
    last_seq integer NOT NULL DEFAULT 0,
    last_message_at timestamptz,
    therapist_unread integer NOT NULL DEFAULT 0,
    patient_unread integer NOT NULL DEFAULT 0,
    therapist_read_seq integer NOT NULL DEFAULT 0,
    patient_read_seq integer NOT NULL DEFAULT 0
);
CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat_id text NOT NULL REFERENCES chat,
    sender_id text NOT NULL REFERENCES person,
    client_message_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Whoever does less has the text, and no number.
    seq integer,
    sealed bytea,
    text text,
    UNIQUE (chat_id, sender_id, client_message_id)
);
CREATE UNIQUE INDEX message_of_chat ON message (chat_id, seq);
CREATE TABLE receipt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat_id text NOT NULL REFERENCES chat,
    user_id text NOT NULL REFERENCES person,
    read_seq integer NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX receipt_of_chat ON receipt (chat_id, user_id, read_seq);

INSERT INTO person
SELECT role || '_load' || lpad(n::text, 5, '0'), 'Load ' || n
FROM generate_series(1, :pairs) AS n, unnest('{t,p}'::text[]) AS role;
INSERT INTO chat
SELECT 'CHAT_' || t || '_' || p, t, p
FROM generate_series(1, :pairs) AS n,
    LATERAL (SELECT 't_load' || lpad(n::text, 5, '0') AS t, 'p_load' || lpad(n::text, 5, '0') AS p);
