/* A Modbus/TCP server of libmodbus on a port of this machine, one client at a time:
   gcc server.c -o server -lmodbus && ./server PORT */
#include <modbus/modbus.h>
#include <stdlib.h>

int main(int count, char **words) {
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", count > 1 ? atoi(words[1]) : 1502);
    modbus_mapping_t *map = modbus_mapping_new(100, 100, 100, 100);
    unsigned char query[MODBUS_TCP_MAX_ADU_LENGTH];
    int listener = modbus_tcp_listen(modbus, 4), size;
    while (modbus_tcp_accept(modbus, &listener) >= 0) {
        while ((size = modbus_receive(modbus, query)) >= 0)
            if (size > 0 && modbus_reply(modbus, query, size, map) < 0) break;
        modbus_close(modbus);
    }
    return 1;
}
