/** Serving READ, WRITE, FSYNC, LSEEK, FALLOCATE and COPY_FILE_RANGE of files in the data table, without JavaScript. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Serve the request if it is about data and its files are in the table (and writable where it writes).
 * @param message  the request, `length` bytes, already checked to be whole; its in_header says the same length
 * @param block    where the message lies if it may be handed on to a worker: then another block is put there
 * @returns 0: taken, the reply is or will be written; -ENOENT: not ours
 */
int64_t serveData(int fuseFd, const uint8_t* message, size_t length, uint8_t** block);

/** How many jobs are writing to the node's file, in the table or not. */
size_t writersOf(uint64_t nodeid);

/** Wait until every job that writes to the fuse fd has ended. */
void drainData();
