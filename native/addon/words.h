/** A list of byte strings as an argument: the words of a command. */
#pragma once

#include <string>
#include <vector>

#include "args.h"

/** Read a list with at least one word; false when a TypeError that names `function` and its argument `argv` was thrown. */
bool readWords(Raw list, const char* function, std::vector<std::string>& words);
