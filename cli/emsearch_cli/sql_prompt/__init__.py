"""The prompt of ``emsearch sql``: statements one after another, with completion and history."""
