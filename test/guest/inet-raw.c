/* SOCK_RAW of AF_INET (needs root): ICMP echoes, filters, headers of one's own, UDP that is looked at, what reaches nobody. */
#include "check.h"
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#define ICMP_FILTER 1

/* An address of our own: raw sockets on the host would see what others send too. */
static struct sockaddr_in here;

static uint16_t sum(const void *data, size_t length) {
  const uint8_t *bytes = data;
  uint32_t total = 0;
  for (size_t i = 0; i < length; i++) total += i % 2 ? bytes[i] : bytes[i] << 8;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return htons(~total & 0xffff);
}

static int raw(int protocol) {
  int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, protocol);
  NEED(fd >= 0 && bind(fd, (struct sockaddr *)&here, sizeof here) == 0);
  return fd;
}

static char packet[2048], big[65536];

static void tell(const char *label, int fd) {
  struct sockaddr_in from;
  for (;;) {
    socklen_t size = sizeof from;
    memset(packet, 0, sizeof packet);
    ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
    if (n < 0) {
      say("%s: %s", label, error_name(errno));
      return;
    }
    struct iphdr *ip = (void *)packet;
    say("%s: %zd bytes, version %d, header %d, tos %d, total %d, ttl %d, protocol %d, %s", label, n, ip->version, ip->ihl, ip->tos,
        ntohs(ip->tot_len), ip->ttl, ip->protocol, sum(ip, ip->ihl * 4) == 0 ? "sound" : "unsound");
    say("  from itself %d, port %d, to itself %d", from.sin_addr.s_addr == here.sin_addr.s_addr, from.sin_port,
        ip->daddr == here.sin_addr.s_addr);
    if (ip->protocol != IPPROTO_ICMP) continue;
    struct icmphdr *icmp = (void *)(packet + ip->ihl * 4);
    say("  type %d code %d %s", icmp->type, icmp->code, sum(icmp, n - ip->ihl * 4) == 0 ? "sound" : "unsound");
  }
}

static void echo(int fd, int is_sound) {
  struct { struct icmphdr header; char text[13]; } message = {.header = {.type = ICMP_ECHO}, .text = "echo of this"};
  message.header.un.echo.id = 77;
  message.header.checksum = sum(&message, sizeof message) + !is_sound;
  CHECK(sendto(fd, &message, sizeof message, 0, (struct sockaddr *)&here, sizeof here));
}

int main(void) {
  here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f4d0000 | (getpid() & 0xffff))};
  CHECK(socket(AF_INET, SOCK_RAW, 0));
  CHECK(socket(AF_INET, SOCK_RAW, 263));
  CHECK(socket(AF_INET, SOCK_RAW, -1));
  int icmp = raw(IPPROTO_ICMP);
  struct sockaddr_in name;
  socklen_t size = sizeof name;
  CHECK(getsockname(icmp, (struct sockaddr *)&name, &size));
  say("port %d, the address %d", ntohs(name.sin_port), name.sin_addr.s_addr == here.sin_addr.s_addr);
  tell("nothing", icmp);
  echo(icmp, 1);
  tell("echo", icmp);
  echo(icmp, 0);
  tell("a wrong sum", icmp);
  int mask = 1 << ICMP_ECHO;
  CHECK(setsockopt(icmp, SOL_RAW, ICMP_FILTER, &mask, sizeof mask));
  echo(icmp, 1);
  tell("filtered", icmp);
  CHECK(send(icmp, "x", 1, 0));
  CHECK(connect(icmp, (struct sockaddr *)&here, sizeof here));
  CHECK(send(icmp, "x", 1, 0));
  tell("one byte", icmp);
  int ttl = 9;
  CHECK(setsockopt(icmp, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl));
  CHECK(send(icmp, "\0\0\377\377\0\0\0\0", 8, 0));
  tell("ttl", icmp);
  CHECK(send(icmp, big, 65516, 0));
  CHECK(send(icmp, big, 65536, 0));
  CHECK(listen(icmp, 1));

  /* UDP as packets. */
  int look = raw(IPPROTO_UDP);
  int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in port = here;
  NEED(bind(udp, (struct sockaddr *)&port, sizeof port) == 0);
  size = sizeof port;
  NEED(getsockname(udp, (struct sockaddr *)&port, &size) == 0);
  CHECK(sendto(udp, "datagram", 8, 0, (struct sockaddr *)&port, sizeof port));
  tell("datagram", look);
  say("  the text: %.8s", packet[0] ? "" : "taken");
  char text[32] = "";
  CHECK(recv(udp, text, sizeof text, 0));
  struct { struct iphdr ip; struct udphdr udp; char text[5]; } own = {
      .ip = {.version = 4, .ihl = 5, .ttl = 3, .protocol = IPPROTO_UDP, .daddr = here.sin_addr.s_addr},
      .udp = {.source = port.sin_port, .dest = port.sin_port, .len = htons(13)},
      .text = "built"};
  CHECK(sendto(look, &own, sizeof own, 0, (struct sockaddr *)&here, sizeof here));
  int on = 1;
  CHECK(setsockopt(look, IPPROTO_IP, IP_HDRINCL, &on, sizeof on));
  tell("wrapped", look);
  CHECK(recv(udp, text, sizeof text, 0));
  CHECK(sendto(look, &own, sizeof own, 0, (struct sockaddr *)&here, sizeof here));
  tell("own header", look);
  memset(text, 0, sizeof text);
  struct sockaddr_in from;
  size = sizeof from;
  CHECK(recvfrom(udp, text, sizeof text, 0, (struct sockaddr *)&from, &size));
  say("%s, source filled in %d, port %d", text, from.sin_addr.s_addr == here.sin_addr.s_addr, from.sin_port == port.sin_port);
  CHECK(sendto(look, &own, 19, 0, (struct sockaddr *)&here, sizeof here));
  own.ip.ihl = 15;
  CHECK(sendto(look, &own, sizeof own, 0, (struct sockaddr *)&here, sizeof here));
  own.ip.ihl = 5;
  close(udp);
  CHECK(sendto(look, &own, sizeof own, 0, (struct sockaddr *)&here, sizeof here));
  tell("nobody's port", icmp);
  tell("seen all the same", look);

  /* Another protocol, with and without somebody. */
  int other = raw(253);
  CHECK(sendto(other, "hello", 5, 0, (struct sockaddr *)&here, sizeof here));
  tell("other", other);
  int any = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  int included = 0;
  size = sizeof included;
  CHECK(getsockopt(any, IPPROTO_IP, IP_HDRINCL, &included, &size));
  say("included %d", included);
  close(other);
  own.ip.protocol = 253;
  CHECK(sendto(any, &own, sizeof own, 0, (struct sockaddr *)&here, sizeof here));
  tell("nobody's protocol", icmp);
  NEED(setuid(12345) == 0);
  CHECK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  return 0;
}
