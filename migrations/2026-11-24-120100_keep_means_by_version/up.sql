-- An index that was made with the means before is asked with those until it is made anew. The table has a row or two.
ALTER TABLE embedding_means DROP CONSTRAINT embedding_means_pkey, ADD PRIMARY KEY (model, version);
