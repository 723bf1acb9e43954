/* STM32F405 registers that the devices use (RM0090), and bounded waits: no loop on hardware runs for ever. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define RCC 0x40023800u
#define RCC_AHB1ENR REG(RCC + 0x30)
#define RCC_AHB2ENR REG(RCC + 0x34)
#define RCC_APB1ENR REG(RCC + 0x40)
#define RCC_APB2ENR REG(RCC + 0x44)
#define RCC_CSR REG(RCC + 0x74)
#define RCC_CSR_RMVF (1u << 24)

#define GPIOB 0x40020400u
#define GPIOC 0x40020800u
#define GPIO_MODER(port) REG((port) + 0x00)
#define GPIO_PUPDR(port) REG((port) + 0x0C)
#define GPIO_IDR(port) REG((port) + 0x10)
#define GPIO_BSRR(port) REG((port) + 0x18)

#define SYSCFG_EXTICR1 REG(0x40013808u)
#define EXTI 0x40013C00u
#define EXTI_IMR REG(EXTI + 0x00)
#define EXTI_RTSR REG(EXTI + 0x08)
#define EXTI_PR REG(EXTI + 0x14)

#define TIM2 0x40000000u
#define TIM_CR1(timer) REG((timer) + 0x00)
#define TIM_DIER(timer) REG((timer) + 0x0C)
#define TIM_SR(timer) REG((timer) + 0x10)
#define TIM_EGR(timer) REG((timer) + 0x14)
#define TIM_CNT(timer) REG((timer) + 0x24)
#define TIM_PSC(timer) REG((timer) + 0x28)
#define TIM_ARR(timer) REG((timer) + 0x2C)
#define TIM_CCR1(timer) REG((timer) + 0x34)
#define TIM_CC1 (1u << 1)

#define USART_SR(usart) REG((usart) + 0x00)
#define USART_DR(usart) REG((usart) + 0x04)
#define USART_BRR(usart) REG((usart) + 0x08)
#define USART_CR1(usart) REG((usart) + 0x0C)
#define USART_CR3(usart) REG((usart) + 0x14)
#define USART_RXNE (1u << 5)
#define USART_TXE (1u << 7)
#define USART_UE_TE_RE ((1u << 13) | (1u << 3) | (1u << 2))
#define USART_IDLEIE (1u << 4)
#define USART_RXNEIE (1u << 5)
#define USART_DMAR (1u << 6)
#define USART_DMAT (1u << 7)

#define ADC1 0x40012000u
#define ADC_SR REG(ADC1 + 0x00)
#define ADC_CR2 REG(ADC1 + 0x08)
#define ADC_SQR3 REG(ADC1 + 0x34)
#define ADC_DR REG(ADC1 + 0x4C)
#define ADC_EOC (1u << 1)
#define ADC_ADON (1u << 0)
#define ADC_SWSTART (1u << 30)

#define RNG_CR REG(0x50060800u)
#define RNG_SR REG(0x50060804u)
#define RNG_DR REG(0x50060808u)

#define FLASH_KEYR REG(0x40023C04u)
#define FLASH_SR REG(0x40023C0Cu)
#define FLASH_CR REG(0x40023C10u)
#define FLASH_BSY (1u << 16)
#define FLASH_PG (1u << 0)
#define FLASH_SER (1u << 1)
#define FLASH_PSIZE_32 (2u << 8)
#define FLASH_STRT (1u << 16)
#define FLASH_LOCK (1u << 31)

#define IWDG_KR REG(0x40003000u)
#define IWDG_PR REG(0x40003004u)
#define IWDG_RLR REG(0x40003008u)

#define SCB_AIRCR REG(0xE000ED0Cu)
#define SCB_SHCSR REG(0xE000ED24u)
#define SCB_CFSR REG(0xE000ED28u)
#define AIRCR_RESET 0x05FA0004u
#define NVIC_ISER(bank) REG(0xE000E100u + 4 * (bank))

#define HARDWARE_PATIENCE 20000u /* polls before a peripheral counts as dead */

static inline void irq_enable(uint32_t number) { NVIC_ISER(number >> 5) = 1u << (number & 31); }
static inline void irq_mask(void) { __asm volatile("cpsid i" ::: "memory"); }
static inline void irq_unmask(void) { __asm volatile("cpsie i" ::: "memory"); }
static inline void wait_for_interrupt(void) { __asm volatile("wfi" ::: "memory"); }

extern uint32_t __stack_limit, __stack_top;

_Noreturn void system_reset(void);

#endif
