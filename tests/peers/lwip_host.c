/* A host made of Debian's lwIP behind a TAP device: lwip_host TAP ADDRESS [ADDRESS6]. Answers ARP, ICMP, UDP, TCP. */

#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <lwip/ip6_addr.h>
#include <netif/tapif.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct netif tap;
static char **given;

static void up(void *count)
{
    ip4_addr_t address, mask, none;
    ip4addr_aton(given[2], &address);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&none, 0, 0, 0, 0);
    netif_add(&tap, &address, &mask, &none, NULL, tapif_init, tcpip_input);
    netif_set_default(&tap);
    netif_create_ip6_linklocal_address(&tap, 1);
    if (*(int *)count > 3) {
        ip6_addr_t six;
        ip6addr_aton(given[3], &six);
        netif_ip6_addr_set(&tap, 1, &six);
        netif_ip6_addr_set_state(&tap, 1, IP6_ADDR_PREFERRED);
    }
    netif_set_link_up(&tap);
    netif_set_up(&tap);
    printf("%02x:%02x:%02x:%02x:%02x:%02x\n", tap.hwaddr[0], tap.hwaddr[1], tap.hwaddr[2], tap.hwaddr[3], tap.hwaddr[4],
           tap.hwaddr[5]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "lwip_host TAP ADDRESS [ADDRESS6]\n");
        return 2;
    }
    given = argv;
    setenv("PRECONFIGURED_TAPIF", argv[1], 1);
    tcpip_init(up, &argc);
    for (;;)
        pause();
}
