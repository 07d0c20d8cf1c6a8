"""One screen a step; each starts one call of the appliance and shows what it gives."""
