/** Data requests that found no space: given back to JavaScript, if it has asked for them, instead of being answered. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** On any thread. `error` is -ENOSPC or -EDQUOT. @returns false if nobody wants it: then it is to be answered */
bool handBack(const uint8_t* message, size_t length, int64_t error);

/** Whether handBack() would take one. */
bool handsBack();
