/** What the event loop would do if JavaScript returned to it now. */
#pragma once

#include <node_api.h>

/** Once per process, before the others. */
void openLoop(napi_env env);

/** How long libuv would sleep, in ms: -1 for ever, 0 when there is something to do. */
int loopTimeout();

/** The fd that becomes readable when libuv has something to do. */
int loopFd();
