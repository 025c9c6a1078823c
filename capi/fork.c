/* A forked child has one thread and a copy of Go's memory: entering Go there hangs. Both ways of
 * learning of a fork are used: the handler catches fork(), the pid a raw clone(). */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "guard.h"

static atomic_int in_child;
static pid_t home;

static void mark_child(void) { atomic_store(&in_child, 1); }

__attribute__((constructor)) static void remember_home(void) {
  home = getpid();
  pthread_atfork(NULL, NULL, mark_child);
}

int cwc_forked(void) { return atomic_load_explicit(&in_child, memory_order_relaxed) || getpid() != home; }
