/* CPU time of a process with all its threads, its living descendants and its waited-for
 * children, from /proc. */
#ifndef SKEIN_LOAD_CPU_H
#define SKEIN_LOAD_CPU_H
/* Seconds of user + system time; 0 when pid is 0. Resolution 10 ms. */
double cpu_seconds(int pid);
#endif
