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

/* -- bit-band aliases (ARM DDI 0403E, B3.1), where Python does not answer for all that has no device --------------- */
enum { ALIASED = 0x40000000, ALIAS = 0x42000000, RAM_ALIAS = 0x22000000, ALIASED_RAM = 0x20000000, ALIAS_SIZE = 0x2000000 };

static int is_aliased(const struct board *b, uint32_t address, uint32_t *byte, uint32_t *bit) {
    uint32_t alias = address >= ALIAS ? ALIAS : RAM_ALIAS, base = address >= ALIAS ? ALIASED : ALIASED_RAM;
    if (!b->shared.banded || address < alias || address - alias >= ALIAS_SIZE) return 0;
    *byte = base + ((address - alias) >> 5);
    *bit = (address - alias) >> 2 & 7;
    return 1;
}

static uint8_t *ram_byte(struct board *b, uint32_t address) {
    uint32_t offset = address - b->shared.ram_base;
    return address >= b->shared.ram_base && offset < b->shared.ram_size ? b->shared.ram + offset : NULL;
}

static uint32_t aliased_byte(struct board *b, uint32_t byte) {
    const uint8_t *at = ram_byte(b, byte);
    return byte >= ALIASED ? (uint32_t)bus_read(b, byte, 1) : at ? *at : 0;
}

static uint64_t read_rest(struct board *b, uint32_t address, uint32_t size) {
    uint32_t byte, bit;
    if (is_aliased(b, address, &byte, &bit)) return aliased_byte(b, byte) >> bit & 1;
    return unknown_read(b, address, size);
}

static void write_rest(struct board *b, uint32_t address, uint32_t size, uint32_t value) {
    uint32_t byte, bit;
    if (!is_aliased(b, address, &byte, &bit)) {
        unknown_write(b, address, size, value);
        return;
    }
    uint32_t changed = (aliased_byte(b, byte) & ~(UINT32_C(1) << bit) & 0xFF) | (value & 1) << bit, shift = 8 * (byte & 3);
    uint8_t *at = ram_byte(b, byte);
    if (byte >= ALIASED) {
        uint32_t word = (uint32_t)bus_read(b, byte & ~UINT32_C(3), 4);
        bus_write(b, byte & ~UINT32_C(3), 4, (word & ~(UINT32_C(0xFF) << shift)) | changed << shift);
    } else if (at) *at = (uint8_t)changed;
}

uint64_t bus_read(struct board *b, uint32_t address, uint32_t size) {
    int device = device_at(b, address);
    if (device < 0 && b->shared.undescribed) return read_rest(b, address, size);
    if (device < 0 || b->devices[device].kind == PYTHON) {
        asked(b);
        return b->python.read(address, size);
    }
    uint32_t value = board_device_read(b, device, (address - b->devices[device].base) & ~UINT32_C(3));
    return size == 4 ? value : value >> 8 * (address & 3) & part_mask(size);
}

void bus_write(struct board *b, uint32_t address, uint32_t size, uint32_t value) {
    int device = device_at(b, address);
    if (device < 0 && b->shared.undescribed) {
        write_rest(b, address, size, value);
        return;
    }
    if (device < 0 || b->devices[device].kind == PYTHON) {
        asked(b);
        b->python.write(address, size, value);
        return;
    }
    uint32_t within = (address - b->devices[device].base) & ~UINT32_C(3), shift = 8 * (address & 3);
    if (size != 4 && shift) {
        uint32_t mask = part_mask(size);
        value = (board_device_read(b, device, within) & ~(mask << shift)) | (value & mask) << shift;
    }
    board_device_write(b, device, within, value);
}

/* Called by Unicorn; `user` is the region. */
API uint64_t board_mmio_read(void *uc, uint64_t offset, unsigned size, void *user) {
    struct region *region = user;
    (void)uc;
    return bus_read(region->board, (uint32_t)(region->base + offset), size);
}

API void board_mmio_write(void *uc, uint64_t offset, unsigned size, uint64_t wide, void *user) {
    struct region *region = user;
    (void)uc;
    bus_write(region->board, (uint32_t)(region->base + offset), size, (uint32_t)wide);
}
