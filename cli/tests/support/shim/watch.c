/*
 * Loaded ahead of the C library (LD_PRELOAD).
 *
 * In the file named by WATCH_LOG it writes down what the program does to its journal and when it asks for an alias write,
 * in order:
 *
 *   wrote PATH    bytes went to the file, perhaps no further than the computer's memory
 *   synced PATH   all of its bytes are on the disk
 *   asked         the first bytes of a PUT went to a socket: only UpdateAlias is one
 *
 * As long as the file named by FREEZE_WHILE exists, whatever is done to a file named FREEZE_NAME hangs, as on a disk that
 * does not answer. Of the name FREEZE_LOOKUP the lookup hangs as long, as with a name server that does not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
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
    if (!log)
        return;
    int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int length = snprintf(line, sizeof line, "%s%s%s\n", what, *path ? " " : "", path);
    if (fd < 0 || length < 0 || real_write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}

static const char *path_of(int fd, char *path, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length <= 0 || path[0] != '/')
        return NULL;
    path[length] = 0;
    return path;
}

static void say_of(const char *what, int fd)
{
    char path[2048];
    if (path_of(fd, path, sizeof path))
        say(what, path);
}

static void hang_while_frozen(int fd)
{
    char path[2048];
    const char *name = getenv("FREEZE_NAME"), *frozen = getenv("FREEZE_WHILE");
    if (!name || !frozen || !path_of(fd, path, sizeof path))
        return;
    const char *last = strrchr(path, '/') + 1;
    while (strcmp(last, name) == 0 && access(frozen, F_OK) == 0)
        usleep(2000);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *slow = getenv("FREEZE_LOOKUP"), *frozen = getenv("FREEZE_WHILE");
    while (name && slow && frozen && strcmp(name, slow) == 0 && access(frozen, F_OK) == 0)
        usleep(2000);
    return next(name, service, hints, found);
}

static void look_at(const void *bytes, size_t count)
{
    if (count >= 4 && memcmp(bytes, "PUT ", 4) == 0)
        say("asked", "");
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    hang_while_frozen(fd);
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
    hang_while_frozen(fd);
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
