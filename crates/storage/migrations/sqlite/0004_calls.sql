-- The id of the call that something was recorded for. Records from before say nothing of it.

ALTER TABLE audit ADD COLUMN call BLOB;  -- that of its answer's x-request-id
