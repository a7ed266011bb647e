\echo Use "ALTER EXTENSION pg_cmms UPDATE TO '1.0'" to load this file. \quit

-- Back from 1.1 to 1.0, for those who have to go back to the library of 1.0.
