-- The universal encoder's vectors of a long text's pieces, one after the other: a question is answered by a part of a text.
-- A constant default is no rewrite of the table.
ALTER TABLE listing_vectors ADD COLUMN pieces BYTEA NOT NULL DEFAULT ''
    CONSTRAINT listing_vectors_pieces_check CHECK (length(pieces) % 512 = 0);
