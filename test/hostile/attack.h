/*
 * For guests that attack the pages of ours in their address space, and through them the sentry and the host. They know all
 * that is public: native/stub-layout.h. Each ends by itself, or is ended by the shell that runs beside it.
 */
#ifndef ATTACK_H
#define ATTACK_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "stub-layout.h"

/* Addresses of the syscall instructions in the stub's text. */
static uint8_t *sites[64];
static int site_count;

__attribute__((unused)) static void find_sites(void) {
  const uint8_t *text = (const uint8_t *)STUB_TEXT_START;
  for (long i = 0; i < 0x3000 && site_count < 64; i++) {
    if (text[i] == 0x0f && text[i + 1] == 0x05) sites[site_count++] = (uint8_t *)text + i;
  }
}

/* Executes the stub's own syscall instruction, as the stub does it: what follows it is a ret. */
__attribute__((unused)) static long by_stub(uint8_t *site, long nr, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("call *%[site]"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), [site] "b"(site)
                   : "rcx", "r11", "memory");
  return result;
}

static uint64_t state = 88172645463325252ULL;
__attribute__((unused)) static uint64_t any(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

__attribute__((unused)) static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
#endif
