/** What kind of file system a file lies on: how long its calls may take. */
#pragma once

/** `memory`: never waits for anything. `remote`: may wait for a network or another process. `disk`: all others. */
enum class FileSystem { memory, disk, remote };

/** By fstatfs(2); `remote`, the careful answer, if that fails. */
FileSystem kindOf(int fd);
