/*
 * Node is inside our own file, dist/runsc, behind this program: an ELF file of its own, on a page's border, with its place in the last bytes
 * (tools/build-executable.ts). The kernel starts us, and we load Node as it would: a start of Node only to have the launcher started takes 20 ms.
 * See elf(5), ld.so(8), getauxval(3) and, for what the stack of a new program holds, the x86-64 psABI, 3.4.1.
 */
#define _GNU_SOURCE
#include "launch-node.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARK "tsvisor1"
#define PAGE 4096UL
#define MAX_SEGMENTS 32

/* The end of the file. */
struct place {
  char mark[8];
  uint64_t offset;
};

/* A program in memory. */
struct image {
  Elf64_Phdr segments[MAX_SEGMENTS];
  size_t count;
  uintptr_t base, entry;
  char interpreter[PATH_MAX];
};

/* Our auxiliary vector, where the kernel has put it: behind the environment. */
static const ElfW(auxv_t) *own_vector;

static int open_ourselves(void) { return open("/proc/self/exe", O_RDONLY | O_CLOEXEC); }

char **take_command(struct launch *l, int argc, char **argv) {
  static char path[PATH_MAX];
  static char *own[] = {path, NULL};
  char **word = argv + argc + 1;
  while (*word != NULL) word++;
  own_vector = (const ElfW(auxv_t) *)(word + 1);
  if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0) {
    perror("runsc: cannot find its own file, for which /proc must be mounted");
    return NULL;
  }
  l->command = argv;
  l->own = own;
  l->own_words = 1;
  return argv + (argc > 0);
}

static uintptr_t page_of(uintptr_t address) { return address & ~(PAGE - 1); }
static uintptr_t page_after(uintptr_t address) { return page_of(address + PAGE - 1); }

static int read_headers(int fd, off_t at, struct image *image) {
  Elf64_Ehdr header;
  if (pread(fd, &header, sizeof header, at) != sizeof header) return -1;
  errno = ENOEXEC;
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phnum > MAX_SEGMENTS) return -1;
  const ssize_t size = (ssize_t)(header.e_phnum * sizeof *image->segments);
  if (pread(fd, image->segments, (size_t)size, at + (off_t)header.e_phoff) != size) return -1;
  image->count = header.e_phnum;
  image->entry = header.e_entry;
  image->base = 0;
  for (size_t i = 0; i < image->count; i++) {
    const Elf64_Phdr *segment = &image->segments[i];
    if (segment->p_type != PT_INTERP || segment->p_filesz > sizeof image->interpreter) continue;
    if (pread(fd, image->interpreter, segment->p_filesz, at + (off_t)segment->p_offset) != (ssize_t)segment->p_filesz) return -1;
  }
  if (header.e_type != ET_DYN) return 0;
  /* Room for all of it, wherever the kernel likes. */
  uintptr_t end = 0;
  for (size_t i = 0; i < image->count; i++)
    if (image->segments[i].p_type == PT_LOAD) end = image->segments[i].p_vaddr + image->segments[i].p_memsz;
  void *room = mmap(NULL, end, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return -1;
  image->base = (uintptr_t)room;
  image->entry += image->base;
  return 0;
}

/* Where Node begins in our file; -1 if it does not say so. */
static off_t find_node(int fd) {
  struct place place;
  off_t size = lseek(fd, 0, SEEK_END);
  if (size < 0 || pread(fd, &place, sizeof place, size - (off_t)sizeof place) != sizeof place) return -1;
  errno = ENOEXEC;
  return memcmp(place.mark, MARK, sizeof place.mark) == 0 ? (off_t)place.offset : -1;
}

static int map_segment(int fd, off_t at, const struct image *image, const Elf64_Phdr *segment) {
  const int protection = (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) | (segment->p_flags & PF_X ? PROT_EXEC : 0);
  /* Over our own room, or else over nothing. */
  const int flags = MAP_PRIVATE | (image->base != 0 ? MAP_FIXED : MAP_FIXED_NOREPLACE);
  const uintptr_t start = image->base + segment->p_vaddr;
  const uintptr_t file_end = start + segment->p_filesz, end = start + segment->p_memsz;
  const uintptr_t first = page_of(start), more = segment->p_filesz > 0 ? page_after(file_end) : first, last = page_after(end);
  if (segment->p_filesz > 0) {
    const off_t offset = at + (off_t)page_of(segment->p_offset);
    if (mmap((void *)first, file_end - first, protection, flags, fd, offset) != (void *)first) return -1;
    /* To the end of its page, as the kernel does: ld.so(8) allocates there. */
    if (end > file_end && (protection & PROT_WRITE) != 0) memset((void *)file_end, 0, more - file_end);
  }
  if (last <= more) return 0;
  return mmap((void *)more, last - more, protection, flags | MAP_ANONYMOUS, -1, 0) == (void *)more ? 0 : -1;
}

static int load(int fd, off_t at, struct image *image) {
  if (read_headers(fd, at, image) != 0) return -1;
  for (size_t i = 0; i < image->count; i++)
    if (image->segments[i].p_type == PT_LOAD && map_segment(fd, at, image, &image->segments[i]) != 0) return -1;
  return 0;
}

/* What execve(2) closes. */
static void close_marked(void) {
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL) return;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    const int fd = atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != dirfd(directory) && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) close(fd);
  }
  closedir(directory);
}

/* The thread's registered area would be written to when it is long somebody else's memory. */
static void forget_thread(void) {
  const size_t size = 32; /* that of the first version, which the kernel knows it by */
  if (__rseq_size > 0) syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static size_t count_words(char **words) {
  size_t count = 0;
  while (words[count] != NULL) count++;
  return count;
}

static uint64_t new_value(const ElfW(auxv_t) *entry, const struct image *node, const struct image *linker) {
  switch (entry->a_type) {
    case AT_PHDR:
      for (size_t i = 0; i < node->count; i++)
        if (node->segments[i].p_type == PT_PHDR) return node->base + node->segments[i].p_vaddr;
      return 0;
    case AT_PHNUM:
      return node->count;
    case AT_BASE:
      return linker->base;
    case AT_ENTRY:
      return node->entry;
    default:
      return entry->a_un.a_val;
  }
}

static _Noreturn void enter(const uintptr_t *stack, uintptr_t entry) {
  __asm__ volatile(
      "mov %0, %%rsp\n\t"
      "xor %%edx, %%edx\n\t"
      "xor %%ebp, %%ebp\n\t"
      "jmp *%1"
      :
      : "c"(stack), "a"(entry)
      : "rdx", "memory");
  __builtin_unreachable();
}

/* A new program's stack, on ours. */
static _Noreturn void start(const struct launch *l, const struct image *node, const struct image *linker) {
  size_t arguments = count_words(l->command), variables = count_words(environ), entries = 1;
  while (own_vector[entries - 1].a_type != AT_NULL) entries++;
  const size_t words = 1 + arguments + 1 + variables + 1 + 2 * entries;
  /* Aligned to 16 bytes. */
  uintptr_t *stack = __builtin_alloca_with_align(words * sizeof *stack, 128);
  uintptr_t *word = stack;
  *word++ = arguments;
  memcpy(word, l->command, (arguments + 1) * sizeof *word);
  word += arguments + 1;
  memcpy(word, environ, (variables + 1) * sizeof *word);
  word += variables + 1;
  for (size_t i = 0; i < entries; i++) {
    *word++ = own_vector[i].a_type;
    *word++ = new_value(&own_vector[i], node, linker);
  }
  enter(stack, linker->entry);
}

void become_node(const struct launch *l, int is_sentry) {
  static struct image node, linker;
  (void)is_sentry; /* The flags of a sentry are built in, for all verbs. */
  int fd = open_ourselves();
  off_t at = fd < 0 ? -1 : find_node(fd);
  if (at < 0 || load(fd, at, &node) != 0) {
    perror("runsc: cannot load node from its own file");
    return;
  }
  fd = open(node.interpreter, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || load(fd, 0, &linker) != 0) {
    fprintf(stderr, "runsc: cannot load %s: %s\n", node.interpreter, strerror(errno));
    return;
  }
  close_marked();
  keep_ambient_capabilities();
  forget_thread();
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  start(l, &node, &linker);
}
