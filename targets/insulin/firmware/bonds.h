/* Bonds: the peers that the pump knows, at most four, in flash. */
#ifndef BONDS_H
#define BONDS_H

#include <stdint.h>

/* Bonds made over the link's pairing, and by a logged-in peer. */
extern uint32_t bonds_paired_count, bonds_registered_count;

int bonds_known(const uint8_t address[6]);
/* The front's word that pairing has finished. */
void bonds_paired(const uint8_t *body, uint32_t length);
/* The connected peer asks to be known. */
void bonds_register(const uint8_t key[16]);

#endif
