-- Whether any stream of a lane is parked: asked with every batch, and hardly ever so.
create index parked_streams on tidemark.parked (lane) where by = 'stream';
