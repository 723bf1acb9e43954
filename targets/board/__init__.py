"""A Cortex-M4 machine in Unicorn with the STM32F405 memory map and register layout."""
