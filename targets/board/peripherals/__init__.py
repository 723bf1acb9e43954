"""STM32F405 peripherals with the register layout of the reference manual (RM0090)."""
