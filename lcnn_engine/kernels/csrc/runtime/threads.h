/* One small pool of threads for the whole process.
 *
 * A caller takes the pool for the length of a run; a second caller that comes meanwhile works alone, so that callers
 * never start more work than there are cores. Inside a run workers spin for some tens of microseconds between calls,
 * since waking a sleeping thread costs more than a small layer; between runs they sleep. */
#ifndef LCNN_THREADS_H
#define LCNN_THREADS_H

#include <stdint.h>

/* Work on units [begin, end), as thread number `thread` of the team (0 is the caller). */
typedef void (*lcnn_work)(void *argument, int thread, int64_t begin, int64_t end);

typedef struct lcnn_team lcnn_team;

/* The pool with `threads` members, the caller among them; NULL if 1 is asked, the caller may use
 * one core only, or the pool is busy: then work alone. Missing workers are started on first need (fewer if the system
 * refuses). */
lcnn_team *lcnn_team_take(int threads);
void lcnn_team_release(lcnn_team *team);
int lcnn_team_size(const lcnn_team *team);

/* Divide `units` units over the team and return when all are done. A member takes `chunk` of its share at a time; what
 * it has not taken yet, others may that are done with theirs. */
void lcnn_team_run(lcnn_team *team, lcnn_work work, void *argument, int64_t units, int64_t chunk);

#endif
