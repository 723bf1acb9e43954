/* Who may use the staging area: one upload at a time, the same one may begin again. */
#include "upload.h"
#include "board.h"

uint8_t upload_owner;

#ifdef FAULT_UPLOAD_LOCK
int upload_take(enum upload_owner owner) {
    while (*(volatile uint8_t *)&upload_owner != UPLOAD_NONE) wait_for_interrupt();
    upload_owner = (uint8_t)owner;
    return 1;
}
#else
int upload_take(enum upload_owner owner) {
    if (upload_owner != UPLOAD_NONE && upload_owner != owner) return 0;
    upload_owner = (uint8_t)owner;
    return 1;
}
#endif

void upload_release(enum upload_owner owner) {
    if (upload_owner == owner) upload_owner = UPLOAD_NONE;
}
