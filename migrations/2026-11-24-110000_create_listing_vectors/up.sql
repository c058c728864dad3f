-- What published listings mean, as the language models say. The search index is built from these without running a model.
CREATE TABLE listing_vectors (
    listing_id  UUID NOT NULL REFERENCES listings (id) ON DELETE CASCADE,
    -- Whose view of the listing was read: a vector made of what is for verified organisations is for them alone.
    audience    TEXT NOT NULL CHECK (audience IN ('public', 'verified')),
    -- Which of its texts was read.
    language    TEXT NOT NULL CHECK (language IN ('zh', 'en')),
    -- Which models, and how they are used; vectors of another value are made anew.
    model       TEXT NOT NULL CHECK (length(model) BETWEEN 1 AND 100),
    revision    INTEGER NOT NULL,
    -- The share of Chinese characters among the text's letters.
    chinese     REAL NOT NULL CHECK (chinese BETWEEN 0 AND 1),
    -- Directions in whole numbers of 8 bits, before the mean of the language is taken away.
    e5          BYTEA NOT NULL CHECK (length(e5) = 384),
    universal   BYTEA NOT NULL CHECK (length(universal) = 512),
    embedded_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (listing_id, audience, language)
);

-- The mean vectors of each language that the index in use was made with, as text; a row for each way of using the models.
CREATE TABLE embedding_means (
    model       TEXT PRIMARY KEY CHECK (length(model) BETWEEN 1 AND 100),
    version     INTEGER NOT NULL CHECK (version > 0),
    means       TEXT NOT NULL,
    -- How many vectors there were then: when there are twice as many, they are computed anew.
    counted     BIGINT NOT NULL CHECK (counted >= 0),
    computed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Which instance makes vectors at the moment; one is enough, and two would do the same work.
CREATE TABLE embedding_lease (
    only_row    BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    holder      UUID NOT NULL,
    held_until  TIMESTAMPTZ NOT NULL
);
