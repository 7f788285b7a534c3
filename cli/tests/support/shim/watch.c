/*
 * Loaded ahead of the C library (LD_PRELOAD), it writes down in the file named by WATCH_LOG what the program does to its
 * journal and when it asks for an alias write, in order:
 *
 *   wrote PATH    bytes went to the file, perhaps no further than the computer's memory
 *   synced PATH   all of its bytes are on the disk
 *   asked         the first bytes of a PUT went to a socket: only UpdateAlias is one
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t real_write(int fd, const void *bytes, size_t count)
{
    static ssize_t (*next)(int, const void *, size_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "write");
    return next(fd, bytes, count);
}

static void say(const char *what, const char *path)
{
    char line[4096];
    const char *log = getenv("WATCH_LOG");
    int fd = log ? open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    int length = snprintf(line, sizeof line, "%s%s%s\n", what, *path ? " " : "", path);
    if (fd < 0 || length < 0 || real_write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}

static void say_of(const char *what, int fd)
{
    char link[64], path[2048];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || path[0] != '/')
        return;
    path[length] = 0;
    say(what, path);
}

static void look_at(const void *bytes, size_t count)
{
    if (count >= 4 && memcmp(bytes, "PUT ", 4) == 0)
        say("asked", "");
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    look_at(bytes, count);
    say_of("wrote", fd);
    return real_write(fd, bytes, count);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    static ssize_t (*next)(int, const void *, size_t, int);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "send");
    look_at(bytes, count);
    return next(fd, bytes, count, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    static ssize_t (*next)(int, const struct iovec *, int);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "writev");
    if (count > 0)
        look_at(parts[0].iov_base, parts[0].iov_len);
    return next(fd, parts, count);
}

static int synced_by(const char *name, int fd)
{
    int (*next)(int);
    *(void **)&next = dlsym(RTLD_NEXT, name);
    int done = next(fd);
    if (done == 0)
        say_of("synced", fd);
    return done;
}

int fdatasync(int fd)
{
    return synced_by("fdatasync", fd);
}

int fsync(int fd)
{
    return synced_by("fsync", fd);
}
