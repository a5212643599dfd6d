/**
 * Keeping idle processors from halting while requests come in quick succession.
 *
 * The caller of a request sleeps until we reply, and its processor with it. In a virtual machine a halted processor is
 * woken by an interrupt that the hypervisor carries: over 10 us for the one who sends it, as much again until it runs;
 * several times what the request itself takes. A latency request of 0 (/dev/cpu_dma_latency) has idle processors look for
 * work instead; the kernel drops it when the fd is closed, however we end.
 * Source: Documentation/power/pm_qos_interface.rst; drivers/cpuidle/governors/haltpoll.c.
 */
#pragma once

/** The process's open /dev/cpu_dma_latency, -1 for none. Owned from now on. */
void awakeOpen(int fd);

/** A request has come soon after the last reply. */
void awakeQuick();

/** A request has come, but not soon. */
void awakeCalm();

/** How long to sleep at most before awakeRelease() is due, in ms; -1 when nothing is held. */
int awakeLimit();

void awakeRelease();
