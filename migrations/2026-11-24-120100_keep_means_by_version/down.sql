DELETE FROM embedding_means older USING embedding_means newer WHERE newer.model = older.model AND newer.version > older.version;
ALTER TABLE embedding_means DROP CONSTRAINT embedding_means_pkey, ADD PRIMARY KEY (model);
