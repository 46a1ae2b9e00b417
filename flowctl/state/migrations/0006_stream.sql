-- Whoever follows events reads them in the order in which they became certain, which is not that of their ids.

CREATE INDEX event_order ON event (${order});
