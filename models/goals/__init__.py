"""Goals: eligibility, outcomes, tickets, and the partition clock with its timers."""
