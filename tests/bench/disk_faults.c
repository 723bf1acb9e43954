/* A disk with faults, for LD_PRELOAD: counts what is written below a folder, and fails at the n-th operation. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { COUNT, CUT, TORN, FULL, READ_ONLY };

static char folder[PATH_MAX];
static long done, fatal;
static int mode;

void disk_faults(const char *below, long at, int how)
{
    strncpy(folder, below, sizeof folder - 1);
    done = 0, fatal = at, mode = how;
}

long disk_operations(void) { return done; }

static int is_below(const char *path) { return folder[0] && !strncmp(path, folder, strlen(folder)); }

static int is_ours(int file)
{
    char link[64], path[PATH_MAX];
    if (!folder[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return is_below(path);
}

/* 0 to go on; else errno is set. A process that is cut never returns. */
static int fails(int has_room)
{
    done++;
    if (!fatal || done < fatal || mode == COUNT || mode == TORN)
        return 0;
    if (mode == CUT)
        _exit(137);
    if (mode == FULL && has_room)
        return 0;
    errno = mode == FULL ? ENOSPC : EROFS;
    return 1;
}

static size_t torn(size_t length) { return mode == TORN && fatal && done == fatal ? length / 2 : length; }

#define REAL(name, ...) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *data, size_t length)
{
    REAL(write);
    if (!is_ours(file))
        return real(file, data, length);
    if (fails(0))
        return -1;
    ssize_t written = real(file, data, torn(length));
    if (torn(length) != length)
        _exit(137);
    return written;
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t place)
{
    REAL(pwrite64);
    if (!is_ours(file))
        return real(file, data, length, place);
    if (fails(0))
        return -1;
    ssize_t written = real(file, data, torn(length), place);
    if (torn(length) != length)
        _exit(137);
    return written;
}

ssize_t pwrite(int file, const void *data, size_t length, off_t place) { return pwrite64(file, data, length, place); }

int fsync(int file)
{
    REAL(fsync);
    return is_ours(file) && fails(0) ? -1 : real(file);
}

int fdatasync(int file)
{
    REAL(fdatasync);
    return is_ours(file) && fails(0) ? -1 : real(file);
}

int ftruncate64(int file, off64_t length)
{
    REAL(ftruncate64);
    return is_ours(file) && fails(1) ? -1 : real(file, length);
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

int rename(const char *from, const char *to)
{
    REAL(rename);
    return is_below(to) && fails(1) ? -1 : real(from, to);
}

int unlink(const char *path)
{
    REAL(unlink);
    return is_below(path) && fails(1) ? -1 : real(path);
}

int mkdir(const char *path, mode_t rights)
{
    REAL(mkdir);
    return is_below(path) && fails(0) ? -1 : real(path, rights);
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t rights)
{
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    struct stat found;
    if (writes && is_below(path) && fails(!stat(path, &found)))
        return -1;
    return real(path, flags, rights);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    va_list more;
    va_start(more, flags);
    mode_t rights = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opened(real, path, flags, rights);
}

int open(const char *path, int flags, ...)
{
    REAL(open);
    va_list more;
    va_start(more, flags);
    mode_t rights = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opened(real, path, flags, rights);
}
