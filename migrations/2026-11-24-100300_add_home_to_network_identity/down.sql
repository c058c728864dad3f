ALTER TABLE network_identity DROP COLUMN home;
