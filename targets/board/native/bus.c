/* The peripheral bus: which register bank answers at an address, and narrow accesses. */
#include "board.h"

static uint32_t slot_of(const struct board *b, uint32_t page) {
    uint32_t at = page * UINT32_C(2654435761) >> 22 & (PAGES - 1);
    while (b->pages[at].page && b->pages[at].page != page) at = (at + 1) & (PAGES - 1);
    return at;
}

void map_page(struct board *b, uint32_t page, uint32_t device) {
    uint32_t at = slot_of(b, page);
    b->pages[at].page = page;
    b->pages[at].device = (uint16_t)device;
}

static int device_at(const struct board *b, uint32_t address) {
    uint32_t at = slot_of(b, address >> 10);
    return b->pages[at].page ? b->pages[at].device : -1;
}

uint32_t board_device_read(struct board *b, int device, uint32_t offset) {
    struct device *d = &b->devices[device];
    switch (d->kind) {
    case CLOCK: return clock_read(d, offset);
    case SYSTEM: return system_read(b, d, offset);
    case CYCLES: return cycles_read(b, d, offset);
    case TIMER: return timer_read(b, d, offset);
    case ADC: return adc_read(b, d, offset);
    case USART: return usart_read(b, d, offset);
    default: return plain_read(d, offset);
    }
}

void board_device_write(struct board *b, int device, uint32_t offset, uint32_t value) {
    struct device *d = &b->devices[device];
    switch (d->kind) {
    case CLOCK: clock_write(b, d, offset, value); break;
    case SYSTEM: system_write(b, d, offset, value); break;
    case CYCLES: cycles_write(b, d, offset, value); break;
    case WATCHDOG: watchdog_write(b, d, offset, value); break;
    case TIMER: timer_write(b, d, offset, value); break;
    case ADC: adc_write(b, d, offset, value); break;
    case GPIO: gpio_write(d, offset, value); break;
    case EXTI: exti_write(b, d, offset, value); break;
    case DMA: dma_write(b, d, offset, value); break;
    case USART: usart_write(b, d, offset, value); break;
    default: plain_write(d, offset, value);
    }
}

static uint32_t part_mask(unsigned size) { return size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1; }

/* Called by Unicorn; `user` is the region. */
API uint64_t board_mmio_read(void *uc, uint64_t offset, unsigned size, void *user) {
    struct region *region = user;
    struct board *b = region->board;
    uint32_t address = (uint32_t)(region->base + offset);
    int device = device_at(b, address);
    (void)uc;
    if (device < 0) {
        asked(b);
        return b->python.read(address, size);
    }
    uint32_t value = board_device_read(b, device, (address - b->devices[device].base) & ~UINT32_C(3));
    return size == 4 ? value : value >> 8 * (address & 3) & part_mask(size);
}

API void board_mmio_write(void *uc, uint64_t offset, unsigned size, uint64_t wide, void *user) {
    struct region *region = user;
    struct board *b = region->board;
    uint32_t address = (uint32_t)(region->base + offset), value = (uint32_t)wide;
    int device = device_at(b, address);
    (void)uc;
    if (device < 0) {
        asked(b);
        b->python.write(address, size, wide);
        return;
    }
    uint32_t within = (address - b->devices[device].base) & ~UINT32_C(3), shift = 8 * (address & 3);
    if (size != 4 && shift) {
        uint32_t mask = part_mask(size);
        value = (board_device_read(b, device, within) & ~(mask << shift)) | (value & mask) << shift;
    }
    board_device_write(b, device, within, value);
}
