\echo Use "ALTER EXTENSION pg_cmms UPDATE" to load this file. \quit

-- From 1.0 to 1.1: what is not a function. The functions and descriptors of 1.1 follow by the Makefile.
