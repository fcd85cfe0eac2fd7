#define _GNU_SOURCE
#include "runtime/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

#include "constants.h"

#define SPINS 4000 /* of about 10 ns each: tens of microseconds */

#define MEMBER_BITS 9
#define WORKER_BITS 16

struct lcnn_team {
    int members; /* of the present run, the caller included */
    /* The job: set before `round` moves on. */
    lcnn_work work;
    void *argument;
    int64_t units, chunk;
    _Alignas(64) atomic_llong next[LCNN_MAX_THREADS]; /* of each member's share, the first unit nobody has taken */
    /* The door of the job: its number, and in the low bits the workers that are inside. 0 is a closed door: a worker
     * that comes late, since its core was busy with something else, finds it so and is not waited for. */
    _Alignas(64) atomic_ullong door;
    _Alignas(64) atomic_ullong round; /* job number, never used again, and in its low bits the members it is for */
    atomic_uint run;                  /* moves on with every run */
    atomic_int spinning, sleepers;    /* a run is on; workers asleep */
};

static struct lcnn_team team;
static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER; /* held by the caller whose run uses the pool */
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static int started = 0; /* workers that exist, under `owner` */
static int fork_handled = 0;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline int64_t share_begin(int member) { return team.units * member / team.members; }

/* Everybody's share is the same part of every job: what one job leaves in a core's cache is there for the next. A
 * member that is done with its own helps the others. */
static void take_units(int thread)
{
    const int members = team.members;
    const int64_t chunk = team.chunk;
    for (int i = 0; i < members; i++) {
        const int member = (thread + i) % members;
        const int64_t end = share_begin(member + 1);
        for (;;) {
            const int64_t begin = atomic_fetch_add_explicit(&team.next[member], chunk, memory_order_relaxed);
            if (begin >= end) break;
            team.work(team.argument, thread, begin, begin + chunk < end ? begin + chunk : end);
        }
    }
}

/* Sleep until there is a newer job or a newer run. */
static void sleep_until_woken(uint64_t seen)
{
    pthread_mutex_lock(&sleep_lock);
    const unsigned run = atomic_load(&team.run);
    atomic_fetch_add(&team.sleepers, 1); /* before the last look at `round`: see wake_sleepers */
    while (atomic_load(&team.round) == seen && atomic_load(&team.run) == run) pthread_cond_wait(&wake, &sleep_lock);
    atomic_fetch_sub(&team.sleepers, 1);
    pthread_mutex_unlock(&sleep_lock);
}

/* Called after `round` or `run` moved: a worker counts itself asleep before it looks at them for the last time. */
static void wake_sleepers(void)
{
    if (atomic_load(&team.sleepers) == 0) return;
    pthread_mutex_lock(&sleep_lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&sleep_lock);
}

/* Wait for a job newer than `seen`: spin while a run is on, else sleep. */
static uint64_t wait_for_job(uint64_t seen)
{
    for (int spins = 0;;) {
        const uint64_t round = atomic_load_explicit(&team.round, memory_order_acquire);
        if (round != seen) return round;
        if (atomic_load_explicit(&team.spinning, memory_order_relaxed) && spins++ < SPINS) {
            relax();
        } else {
            sleep_until_woken(seen);
            spins = 0;
        }
    }
}

/* Whether a worker got into a job before it was closed; only inside may it look at what the job is. */
static int enter(uint64_t number)
{
    unsigned long long door = atomic_load_explicit(&team.door, memory_order_relaxed);
    while (door >> WORKER_BITS == number)
        if (atomic_compare_exchange_weak_explicit(&team.door, &door, door + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return 1;
    return 0;
}

static void leave(void) { atomic_fetch_sub_explicit(&team.door, 1, memory_order_release); }

/* Wait until nobody is inside, and close the door: all units of the job are done. */
static void close_job(uint64_t number)
{
    for (int spins = 0;;) {
        unsigned long long empty = number << WORKER_BITS;
        if (atomic_compare_exchange_weak_explicit(&team.door, &empty, 0, memory_order_acquire, memory_order_relaxed))
            return;
        relax();
        if (++spins > SPINS) sched_yield();
    }
}

static void *worker(void *argument)
{
    const int thread = (int)(intptr_t)argument;
    uint64_t seen = 0;
    for (;;) {
        seen = wait_for_job(seen);
        /* Members come with the number of the job, so a worker that is none of them never touches its state. */
        if (thread < (int)(seen & ((1 << MEMBER_BITS) - 1)) && enter(seen >> MEMBER_BITS)) {
            take_units(thread);
            leave();
        }
    }
    return NULL;
}

/* A forked child has the state of the locks but none of the threads. */
static void forget_workers(void)
{
    started = 0;
    atomic_store(&team.spinning, 0);
    atomic_store(&team.sleepers, 0);
    atomic_store(&team.round, 0);
    atomic_store(&team.door, 0);
    pthread_mutex_init(&owner, NULL);
    pthread_mutex_init(&sleep_lock, NULL);
    pthread_cond_init(&wake, NULL);
}

static void start_workers(int wanted)
{
    if (!fork_handled) fork_handled = pthread_atfork(NULL, NULL, forget_workers) == 0;
    while (started < wanted) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        const int failed = pthread_create(&thread, &attributes, worker, (void *)(intptr_t)(started + 1));
        pthread_attr_destroy(&attributes);
        if (failed) return;
        started++;
    }
}

/* Two threads that wait for each other on one core take many times as long as one. */
static int on_one_core(void)
{
#ifdef __linux__
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) == 1;
#else
    return 0;
#endif
}

lcnn_team *lcnn_team_take(int threads)
{
    if (threads < 2 || on_one_core() || pthread_mutex_trylock(&owner)) return NULL;
    if (threads > LCNN_MAX_THREADS) threads = LCNN_MAX_THREADS;
    start_workers(threads - 1);
    team.members = started + 1 < threads ? started + 1 : threads;
    if (team.members < 2) {
        pthread_mutex_unlock(&owner);
        return NULL;
    }
    atomic_store(&team.spinning, 1);
    atomic_fetch_add(&team.run, 1);
    wake_sleepers(); /* now, so that they are up when the first large call comes */
    return &team;
}

void lcnn_team_release(lcnn_team *taken)
{
    atomic_store(&taken->spinning, 0);
    pthread_mutex_unlock(&owner);
}

int lcnn_team_size(const lcnn_team *taken) { return taken->members; }

void lcnn_team_run(lcnn_team *taken, lcnn_work work, void *argument, int64_t units, int64_t chunk)
{
    taken->work = work;
    taken->argument = argument;
    taken->units = units;
    taken->chunk = chunk;
    for (int i = 0; i < taken->members; i++)
        atomic_store_explicit(&taken->next[i], share_begin(i), memory_order_relaxed);
    const uint64_t number = (atomic_load(&taken->round) >> MEMBER_BITS) + 1;
    atomic_store_explicit(&taken->door, number << WORKER_BITS, memory_order_release);
    atomic_store(&taken->round, number << MEMBER_BITS | (uint64_t)taken->members);
    wake_sleepers();
    take_units(0);
    close_job(number);
}
