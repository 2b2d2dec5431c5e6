-- The whole current schema. Older files are brought up to it by chat/store/migrations.py;
-- a change here needs a migration there, and a test compares the two.

CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,        -- the name without case and Unicode form: two of these are one name
    look_key TEXT NOT NULL UNIQUE,        -- the same with look-alike characters replaced: two of these mislead
    password_hash TEXT NOT NULL,          -- PHC string
    created_at INTEGER NOT NULL,          -- milliseconds since 1970 UTC, as all times here
    is_admin INTEGER NOT NULL DEFAULT 0,
    deactivated_at INTEGER,               -- NULL: may sign in
    deleted_at INTEGER,                   -- NULL: exists; else the row stays for the messages that stay
    messages_go INTEGER NOT NULL DEFAULT 0  -- whether those of a deleted account are to be deleted, in the background
) STRICT;

CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    look_key TEXT NOT NULL UNIQUE,
    created_by INTEGER REFERENCES user (id),  -- NULL: made by the server
    created_at INTEGER NOT NULL,
    deleted_at INTEGER                    -- NULL: exists; else its messages go, and the name is free again
) STRICT;

CREATE TABLE member (
    user_id INTEGER NOT NULL REFERENCES user (id),
    room_id INTEGER NOT NULL REFERENCES room (id),
    joined_at INTEGER NOT NULL,
    read_cursor INTEGER NOT NULL DEFAULT 0,  -- changes of the room up to this cursor have been read
    PRIMARY KEY (user_id, room_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id_hash TEXT PRIMARY KEY,             -- SHA-256, in hex, of the id in the cookie
    user_id INTEGER NOT NULL REFERENCES user (id),
    room_id INTEGER REFERENCES room (id), -- the current room
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    token_name TEXT                       -- NULL: a sign-in, the id is in a cookie; else an API token, which does not expire
) STRICT, WITHOUT ROWID;

CREATE INDEX session_user ON session (user_id);

-- AUTOINCREMENT: the id of a removed message is never given out again, so no cursor can go back.
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cursor INTEGER NOT NULL,              -- position of the last change among all changes of all rooms
    room_id INTEGER NOT NULL REFERENCES room (id),
    user_id INTEGER NOT NULL REFERENCES user (id),
    client_id TEXT,                       -- the sender's own name for it: a retry stores nothing
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER                    -- NULL: exists; else the text is empty and the cursor tells of the deletion
) STRICT;

-- History is paged by id (the end of every index entry), resuming goes by cursor.
CREATE INDEX message_room ON message (room_id);
CREATE INDEX message_room_cursor ON message (room_id, cursor);
CREATE UNIQUE INDEX message_client_id ON message (user_id, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE invite (
    id INTEGER PRIMARY KEY,
    code_hash TEXT NOT NULL UNIQUE,       -- SHA-256, in hex, of the code in the link
    created_by INTEGER REFERENCES user (id),  -- NULL: made on the command line
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    uses_left INTEGER NOT NULL
) STRICT;

-- At most one for each person: a new link replaces the one before.
CREATE TABLE password_reset (
    user_id INTEGER PRIMARY KEY REFERENCES user (id),
    code_hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- What admins did; everyone who is signed in may read it and nobody may change it.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL,
    actor_id INTEGER REFERENCES user (id),    -- NULL: whoever runs the server, on the command line
    action TEXT NOT NULL,
    user_id INTEGER REFERENCES user (id),     -- whom it was about
    subject TEXT NOT NULL                     -- what else it was about, in words
) STRICT;

CREATE TRIGGER audit_keeps_what_it_says BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_keeps_every_entry BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Keys this server signs with, by what they are for.
CREATE TABLE secret (
    purpose TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
