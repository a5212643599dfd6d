/** Big page-aligned buffers: one holds any request or any reply. Taken and given back on any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** The largest READ or WRITE the protocol has with 256 pages. */
constexpr size_t kPayloadMax = 1024 * 1024;

/** A block has room for that and 64 KiB of headers and names. */
constexpr size_t kBlockSize = kPayloadMax + 64 * 1024;

/** nullptr when there is no memory. */
uint8_t* takeBlock();
void giveBlock(uint8_t* block);
