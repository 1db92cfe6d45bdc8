-- A foreign key of a table that the statement is not about looked new, because the tables before and after were not the same ones.
-- declaration
-- plain
CREATE TABLE artist (id integer PRIMARY KEY);
CREATE TABLE album (id integer PRIMARY KEY, artist integer REFERENCES artist);
CREATE TABLE track (id integer PRIMARY KEY, album integer REFERENCES album);
CREATE TABLE playlist (id integer PRIMARY KEY);
CREATE TABLE playlist_track (playlist integer REFERENCES playlist, track integer REFERENCES track, PRIMARY KEY (playlist, track));
-- migration
ALTER TABLE playlist ADD FOREIGN KEY (id) REFERENCES artist;
