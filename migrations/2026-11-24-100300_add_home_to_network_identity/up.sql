-- Which server, on which timeline, and which of its databases this is. Transaction ids mean nothing elsewhere: where a backup was restored,
-- the change feed and every index that followed it are of another place, which is noticed by this.
ALTER TABLE network_identity ADD COLUMN home TEXT;
