/** Descriptors that come over unix sockets. */
#pragma once

#include <stdint.h>

/** The fd that came with the next byte of `socket`; -EPERM when the other end closed it, or sent a byte, without one. */
int64_t receiveFd(int socket);
