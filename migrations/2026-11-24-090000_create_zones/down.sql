DROP TABLE network_identity;
DROP TABLE zones;
