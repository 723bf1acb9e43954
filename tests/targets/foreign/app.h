/* What the application and a chip's driver want of each other. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define REG8(address) (*(volatile uint8_t *)(address))

void app_greet(void);
void app_take(uint8_t byte);
void port_write(uint8_t byte);

#define NVIC_ENABLE(irq) REG(0xE000E100u + 4 * ((irq) / 32)) = 1u << ((irq) % 32)
static inline void sleep(void) { __asm volatile("wfi"); }
static inline void interrupts_off(void) { __asm volatile("cpsid i" ::: "memory"); }
static inline void interrupts_on(void) { __asm volatile("cpsie i" ::: "memory"); }
