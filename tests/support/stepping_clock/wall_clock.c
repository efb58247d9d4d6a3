/* Preloaded library that adds an offset to the wall clock of a process.
 *
 * STEPPING_CLOCK names a file that holds the offset in seconds as one int64_t. The file is mapped, so a change reaches
 * all processes at once and a reading costs an addition. The monotonic clock is untouched. Where a call waits until a
 * moment of the wall clock, the moment is converted back, since the kernel knows nothing of the offset.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Absolute times of the monotonic clock, which starts at 0 with the machine, lie below. */
#define WALL_CLOCK_SECONDS 1000000000

static const int64_t none = 0;
static volatile const int64_t *offset = &none;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void open_clock(void) {
    real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("STEPPING_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) offset = mapped;
    close(file);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = real_clock_gettime ? real_clock_gettime(id, now) : (int)syscall(SYS_clock_gettime, id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec read;
    int failed = clock_gettime(CLOCK_REALTIME, &read);
    if (!failed) *now = (struct timeval){read.tv_sec, read.tv_nsec / 1000};
    return failed;
}

time_t time(time_t *into) {
    struct timespec read;
    clock_gettime(CLOCK_REALTIME, &read);
    if (into) *into = read.tv_sec;
    return read.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

static struct timespec converted(const struct timespec *until) {
    return (struct timespec){until->tv_sec - *offset, until->tv_nsec};
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    if (until->tv_sec < WALL_CLOCK_SECONDS) return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, until);
    struct timespec real = converted(until);
    return pthread_cond_clockwait(cond, mutex, CLOCK_REALTIME, &real);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    struct timespec real = converted(until);
    return sem_clockwait(semaphore, CLOCK_REALTIME, &real);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
    struct timespec real = converted(until);
    return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, &real);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *request, struct timespec *left) {
    static int (*real_sleep)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!real_sleep)
        real_sleep = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))dlsym(RTLD_NEXT, "clock_nanosleep");
    struct timespec real = *request;
    if (id == CLOCK_REALTIME && flags == TIMER_ABSTIME) real = converted(request);
    return real_sleep(id, flags, &real, left);
}
