/* Bonds: the oldest one makes room for the fifth, and the front is told. */
#include "bonds.h"
#include "connection.h"
#include "log.h"
#include "mailbox.h"
#include "memory.h"
#include "settings.h"

#define ADDRESS 6u

uint32_t bonds_paired_count, bonds_registered_count;

static struct bond *find(const uint8_t *address) {
    for (uint32_t i = 0; i < settings.bond_count; i++) {
        if (memcmp(settings.bonds[i].address, address, ADDRESS) == 0) return &settings.bonds[i];
    }
    return 0;
}

int bonds_known(const uint8_t address[6]) { return find(address) != 0; }

static struct bond *make_room(void) {
    if (settings.bond_count == BONDS_MAX) {
        mailbox_send(MAILBOX_UNBOND, settings.bonds[0].address, ADDRESS);
        for (uint32_t i = 1; i < BONDS_MAX; i++) settings.bonds[i - 1] = settings.bonds[i];
        settings.bond_count--;
    }
    return &settings.bonds[settings.bond_count++];
}

static void add(const uint8_t *address, const uint8_t *key) {
    struct bond *bond = find(address);
    if (!bond) bond = make_room();
    memcpy(bond->address, address, ADDRESS);
    memcpy(bond->key, key, sizeof bond->key);
    settings_changed();
    log_add(LOG_BOND, settings.bond_count);
    link_bonded = link_encrypted;
}

void bonds_paired(const uint8_t *body, uint32_t length) {
    if (length != ADDRESS + 16) return;
    if (!connected || !link_encrypted || memcmp(body, connection_peer(), ADDRESS) != 0) {
        mailbox_send(MAILBOX_UNBOND, body, ADDRESS);
        return;
    }
    bonds_paired_count++;
    add(body, body + ADDRESS);
}

void bonds_register(const uint8_t key[16]) {
    bonds_registered_count++;
    add(connection_peer(), key);
}
