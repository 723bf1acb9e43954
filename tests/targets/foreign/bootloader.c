/* A bootloader: looks at a pin and at the application's vector table, and jumps there. */
#include "app.h"

#define APPLICATION 0x00004000u
#define IRQS 39
#define VECTORS
#include "start.h"

int main(void) {
    REG(0x50000734u) = 0xC;
    if (REG(0x50000510u) & 1u << 13 && REG(APPLICATION + 4) == 0xFFFFFFFFu)
        for (;;);
    REG(0xE000ED08u) = APPLICATION;
    uint32_t stack = REG(APPLICATION), entry = REG(APPLICATION + 4);
    __asm volatile("msr msp, %0\n bx %1" ::"r"(stack), "r"(entry) : "memory");
    for (;;);
}
