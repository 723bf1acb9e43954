/* Alarm notifications to a subscriber. */
#ifndef NOTIFY_H
#define NOTIFY_H

void notify_unsubscribe(void);
void notify_task(void);

#endif
